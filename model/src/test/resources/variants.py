"""Writes variants.json: what models of unusual configs compute, for VariantTest.

An independent forward pass in NumPy (f64), first checked against every golden checkpoint of the reference
implementation that it covers (largest difference 3e-6). Variants are goldens with some keys of config.json changed;
weights that a variant has beyond its golden's are 0.3 sin(i + length of the name).

usage: python3 variants.py   in this folder
"""
import json,struct
import numpy as np
from math import erf
def load(d):
    f=open(d+'/model.safetensors','rb'); n=struct.unpack('<Q',f.read(8))[0]; h=json.loads(f.read(n)); b=f.read(); h.pop('__metadata__',None)
    return {k:np.frombuffer(b[v['data_offsets'][0]:v['data_offsets'][1]],np.float32).reshape(v['shape']).astype(np.float64) for k,v in h.items()}
def ln(x,g,b,e): m=x.mean(-1,keepdims=True); v=((x-m)**2).mean(-1,keepdims=True); y=(x-m)/np.sqrt(v+e); return y*(1 if g is None else g)+(0 if b is None else b)
def rms(x,g,e): return x/np.sqrt((x*x).mean(-1,keepdims=True)+e)*g
gelu=lambda x:0.5*x*(1+np.vectorize(erf)(x/np.sqrt(2)))
gelu_t=lambda x:0.5*x*(1+np.tanh(np.sqrt(2/np.pi)*(x+0.044715*x**3)))
silu=lambda x:x/(1+np.exp(-x))
def softmax(s): s=s-s.max(-1,keepdims=True); p=np.exp(s); return p/p.sum(-1,keepdims=True)
def attn(q,k,v,scale,window=0):  # [H,T,D]
    T=q.shape[1]; g=q.shape[0]//k.shape[0]
    k=np.repeat(k,g,0); v=np.repeat(v,g,0)
    s=np.einsum('htd,hsd->hts',q,k)*scale
    i=np.arange(T)[:,None]; j=np.arange(T)[None]
    m=j>i
    if window: m|= j<=i-window
    s=np.where(m,-np.inf,s)
    return np.einsum('hts,hsd->htd',softmax(s),v)
def rope(x,fr,rot):
    T=x.shape[1]; a=np.arange(T)[:,None]*fr[None]; a=np.concatenate([a,a],-1)
    r,p=x[...,:rot],x[...,rot:]
    h=rot//2; rh=np.concatenate([-r[...,h:],r[...,:h]],-1)
    return np.concatenate([r*np.cos(a)+rh*np.sin(a),p],-1)
def lin(w,n,x): return x@w[n+'.weight'].T+w.get(n+'.bias',0)
def heads(x,n): return x.reshape(x.shape[0],n,-1).transpose(1,0,2)
def flat(x): return x.transpose(1,0,2).reshape(x.shape[1],-1)
def llama(c,w,ids):
    H=c['num_attention_heads'];K=c.get('num_key_value_heads',H);M=c['hidden_size'];D=c.get('head_dim') or M//H
    rp=c.get('rope_parameters') or c.get('rope_scaling') or {}
    th=rp.get('rope_theta',c.get('rope_theta',10000.0)); fr=1/th**(np.arange(0,D,2)/D)
    t=rp.get('rope_type',rp.get('type','default'))
    if t=='linear': fr=fr/rp['factor']
    x=w['model.embed_tokens.weight'][ids]; e=c['rms_norm_eps']
    for l in range(c['num_hidden_layers']):
        p=f'model.layers.{l}.'
        n=rms(x,w[p+'input_layernorm.weight'],e)
        q,k,v=(heads(lin(w,p+f'self_attn.{a}_proj',n),h) for a,h in(('q',H),('k',K),('v',K)))
        if p+'self_attn.q_norm.weight' in w: q=rms(q,w[p+'self_attn.q_norm.weight'],e);k=rms(k,w[p+'self_attn.k_norm.weight'],e)
        q,k=rope(q,fr,D),rope(k,fr,D)
        win=0
        if c['architectures'][0].startswith('Mistral'): win=c.get('sliding_window') or 0
        if c['architectures'][0].startswith('Qwen') and c.get('use_sliding_window') and (c['layer_types'][l]=='sliding_attention' if c.get('layer_types') else l>=c['max_window_layers']): win=c['sliding_window']
        x=x+lin(w,p+'self_attn.o_proj',flat(attn(q,k,v,D**-.5,win)))
        n=rms(x,w[p+'post_attention_layernorm.weight'],e)
        x=x+lin(w,p+'mlp.down_proj',silu(lin(w,p+'mlp.gate_proj',n))*lin(w,p+'mlp.up_proj',n))
    x=rms(x,w['model.norm.weight'],e)
    return x@(w['model.embed_tokens.weight'] if c.get('tie_word_embeddings') else w['lm_head.weight']).T
def neox(c,w,ids):
    H=c['num_attention_heads'];M=c['hidden_size'];D=M//H; rp=c.get('rope_parameters') or {}
    rot=int(D*rp.get('partial_rotary_factor',c.get('rotary_pct',0.25))); th=rp.get('rope_theta',c.get('rotary_emb_base',10000.0)); fr=1/th**(np.arange(0,rot,2)/rot); e=c['layer_norm_eps']
    x=w['gpt_neox.embed_in.weight'][ids]; N=lambda n,x:ln(x,w[n+'.weight'],w[n+'.bias'],e)
    for l in range(c['num_hidden_layers']):
        p=f'gpt_neox.layers.{l}.'
        def A(n):
            y=lin(w,p+'attention.query_key_value',n).reshape(len(ids),H,3,D).transpose(2,1,0,3)
            return lin(w,p+'attention.dense',flat(attn(rope(y[0],fr,rot),rope(y[1],fr,rot),y[2],D**-.5)))
        F=lambda n:lin(w,p+'mlp.dense_4h_to_h',gelu(lin(w,p+'mlp.dense_h_to_4h',n)))
        if c.get('use_parallel_residual',True): x=x+A(N(p+'input_layernorm',x))+F(N(p+'post_attention_layernorm',x))
        else: x=x+A(N(p+'input_layernorm',x)); x=x+F(N(p+'post_attention_layernorm',x))
    return N('gpt_neox.final_layer_norm',x)@w['embed_out.weight'].T
def gpt2(c,w,ids):
    H=c['n_head'];M=c['n_embd'];D=M//H;e=c['layer_norm_epsilon'];P='transformer.'
    x=w[P+'wte.weight'][ids]+w[P+'wpe.weight'][:len(ids)]; N=lambda n,x:ln(x,w[n+'.weight'],w[n+'.bias'],e); C=lambda n,x:x@w[n+'.weight']+w[n+'.bias']
    for l in range(c['n_layer']):
        p=P+f'h.{l}.'; q,k,v=(heads(a,H) for a in np.split(C(p+'attn.c_attn',N(p+'ln_1',x)),3,-1))
        sc=D**-.5 if c.get('scale_attn_weights',True) else 1
        if c.get('scale_attn_by_inverse_layer_idx'): sc/=l+1
        x=x+C(p+'attn.c_proj',flat(attn(q,k,v,sc))); x=x+C(p+'mlp.c_proj',gelu_t(C(p+'mlp.c_fc',N(p+'ln_2',x))))
    return N(P+'ln_f',x)@w[P+'wte.weight'].T
def opt(c,w,ids):
    H=c['num_attention_heads'];M=c['hidden_size'];D=M//H;P='model.decoder.'; pre=c.get('do_layer_norm_before',True)
    x=w[P+'embed_tokens.weight'][ids]
    if P+'project_in.weight' in w: x=lin(w,P+'project_in',x)
    x=x+w[P+'embed_positions.weight'][2:2+len(ids)]; N=lambda n,x:ln(x,w.get(n+'.weight'),w.get(n+'.bias'),1e-5)
    act={'relu':lambda x:np.maximum(x,0),'gelu':gelu}[c['activation_function']]
    for l in range(c['num_hidden_layers']):
        p=P+f'layers.{l}.'; n=N(p+'self_attn_layer_norm',x) if pre else x
        q,k,v=(heads(lin(w,p+f'self_attn.{a}_proj',n),H) for a in 'qkv')
        x=x+lin(w,p+'self_attn.out_proj',flat(attn(q,k,v,D**-.5)))
        if not pre: x=N(p+'self_attn_layer_norm',x)
        n=N(p+'final_layer_norm',x) if pre else x
        x=x+lin(w,p+'fc2',act(lin(w,p+'fc1',n)))
        if not pre: x=N(p+'final_layer_norm',x)
    if pre and not c.get('_remove_final_layer_norm'): x=N(P+'final_layer_norm',x)
    if P+'project_out.weight' in w: x=lin(w,P+'project_out',x)
    return x@w[P+'embed_tokens.weight'].T
F={'LlamaForCausalLM':llama,'MistralForCausalLM':llama,'Qwen2ForCausalLM':llama,'Qwen3ForCausalLM':llama,'GPTNeoXForCausalLM':neox,'GPT2LMHeadModel':gpt2,'OPTForCausalLM':opt}
G='goldens/'
for m in ['llama','mistral-window','qwen2','qwen3','gpt-neox','gpt2','opt','opt-350m-style']:
    c=json.load(open(G+m+'/config.json'));w=load(G+m)
    for case in json.load(open(G+m+'/golden.json'))['cases']:
        assert abs(F[c['architectures'][0]](c,w,case['prompt'])[-1]-case['last_logits']).max()<1e-5,m
rng=np.random.default_rng(7)
variants=[]
def variant(base,changes,add=(),drop=()):
    c=json.load(open(G+base+'/config.json'))|changes; w=load(G+base)
    c={k:v for k,v in c.items() if v is not None}
    for k in list(w):
        if k.endswith('.weight') and any(k[:-7].endswith(n) for n in add):
            n=k[:-7]+'.bias'; w[n]=(0.3*np.sin(np.arange(w[k].shape[0])+len(n))).astype(np.float32).astype(np.float64)
        if any(k.endswith(n) for n in drop): del w[k]
    ids=[int(i) for i in rng.integers(0,512,70)]
    logits=F[c['architectures'][0]](c,w,ids)[-1]
    variants.append(dict(base=base,changes=changes,config=c,prompt=ids,last_logits=[round(float(x),5) for x in logits]))
variant('gpt-neox',{'use_parallel_residual':False})
variant('gpt-neox',{'rope_parameters':None,'rotary_pct':0.5,'rotary_emb_base':5000.0,'attention_bias':False},drop=('attention.dense.bias','query_key_value.bias'))
variant('llama',{'attention_bias':True,'mlp_bias':True,'rope_parameters':None,'rope_theta':20000.0,'rope_scaling':{'type':'linear','factor':4.0}},add=('_proj',))
variant('llama',{'tie_word_embeddings':True})
variant('qwen2',{'use_sliding_window':True,'sliding_window':20,'max_window_layers':2,'layer_types':None})
variant('qwen2',{'use_sliding_window':True,'sliding_window':20,'layer_types':['full_attention','sliding_attention']*2})
variant('gpt2',{'scale_attn_by_inverse_layer_idx':True})
variant('opt',{'enable_bias':False,'activation_function':'gelu'},drop=('proj.bias','fc1.bias','fc2.bias'))
variant('opt',{'layer_norm_elementwise_affine':False},drop=('norm.weight','norm.bias'))
variant('opt',{'_remove_final_layer_norm':True})
variant('opt',{'do_layer_norm_before':False})
variant('mistral-window',{'sliding_window':None})
with open('variants.json','w') as f: f.write('[\n'+',\n'.join(json.dumps(v) for v in variants)+'\n]\n')
